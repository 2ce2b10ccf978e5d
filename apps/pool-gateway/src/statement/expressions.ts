import type { Decision, Visit } from './decision.ts';
import { type CallFinding, findingOfCall, findingOfColumn, findingOfField } from './functions.ts';
import { ruleOfQualifiers, ruleOfSchema } from './schemas.ts';
import { ruleOfSetting } from './settings.ts';
import { field, listField, namesField, textField, type TreeNode, unwrapped } from './tree.ts';

/** The Bind message of the wire protocol counts parameters in 16 bits; Postgres makes room for each one up to the highest number. */
const HIGHEST_PARAMETER = 65_535;

/** All that is no statement: expressions, clauses, names, and the parts of definitions. */
export const EXPRESSIONS: readonly (readonly [type: string, decision: Decision])[] = [
  ...all(
    'plain',
    'A_ArrayExpr A_Const A_Indices A_Star AccessPriv Alias AlterTableCmd ATAlterConstraint BitString BoolExpr Boolean BooleanTest CaseExpr ' +
      'CaseWhen CoalesceExpr ColumnDef CommonTableExpr Constraint CreateOpClassItem CTECycleClause CTESearchClause DefElem Float ' +
      'FunctionParameter GroupingFunc GroupingSet InferClause Integer JoinExpr JsonAggConstructor JsonArgument JsonArrayAgg ' +
      'JsonArrayConstructor JsonArrayQueryConstructor JsonBehavior JsonFormat JsonFuncExpr JsonIsPredicate JsonKeyValue JsonObjectAgg ' +
      'JsonObjectConstructor JsonOutput JsonParseExpr JsonReturning JsonScalarExpr JsonSerializeExpr JsonTable JsonTableColumn ' +
      'JsonTablePathSpec JsonValueExpr List MergeSupportFunc MergeWhenClause MinMaxExpr MultiAssignRef NamedArgExpr NullTest ' +
      'ObjectWithArgs OnConflictClause PartitionBoundSpec PartitionCmd PartitionElem PartitionRangeDatum PartitionSpec PublicationObjSpec ' +
      'PublicationTable RangeFunction RangeSubselect RangeTableFunc RangeTableFuncCol ReplicaIdentityStmt ResTarget ReturningClause ' +
      'ReturningOption RoleSpec RowExpr SetToDefault SQLValueFunction StatsElem String TableLikeClause TriggerTransition TypeCast ' +
      'VacuumRelation WindowDef WithClause XmlExpr XmlSerialize',
  ),
  ...all(
    'never',
    'Aggref AlternativeSubPlan ArrayCoerceExpr ArrayExpr CallContext CaseTestExpr CoerceToDomain CoerceToDomainValue CoerceViaIO ' +
      'CollateExpr ConvertRowtypeExpr DistinctExpr FieldSelect FieldStore FilterColumn FromExpr FuncExpr Function InferenceElem ' +
      'InlineCodeBlock IntList JsonConstructorExpr JsonExpr JsonTablePath JsonTablePathScan JsonTableSiblingJoin MergeAction NextValueExpr ' +
      'NullIfExpr OidList OnConflictExpr OpExpr Param ParseResult Query RangeTblEntry RangeTblFunction RangeTblRef RawStmt RelabelType ' +
      'ReturningExpr RowCompareExpr RowMarkClause RTEPermissionInfo ScalarArrayOpExpr ScanResult ScanToken SortGroupClause SubPlan ' +
      'SubscriptingRef SummaryResult Table TableFunc TableSampleClause TargetEntry Var WindowClause WindowFunc WindowFuncRunCondition ' +
      'WithCheckOption',
  ),
  ['A_Expr', qualified('name')],
  ['SubLink', qualified('operName')],
  ['SortBy', qualified('useOp')],
  ['TypeName', qualified('names')],
  ['CollateClause', qualified('collname')],
  [
    'IndexElem',
    (node, visit) => {
      hitAny(visit, ruleOfQualifiers(namesField(node, 'opclass')));
      hitAny(visit, ruleOfQualifiers(namesField(node, 'collation')));
    },
  ],
  ['RangeVar', visitRangeVar],
  // SELECT … INTO and CREATE TABLE … AS.
  ['IntoClause', (_, visit) => visit.hit('definition')],
  ['LockingClause', (_, visit) => visit.writes()],
  ['CurrentOfExpr', (_, visit) => visit.hit('cursor')],
  ['FuncCall', visitCall],
  [
    'ColumnRef',
    (node, visit) =>
      namesField(node, 'fields')
        .slice(1)
        .forEach((name) => report(visit, findingOfColumn(name))),
  ],
  ['A_Indirection', (node, visit) => namesField(node, 'indirection').forEach((name) => report(visit, findingOfField(name)))],
  ['RangeTableSample', (node, visit) => report(visit, findingOfCall(namesField(node, 'method'), 1))],
  [
    'ParamRef',
    (node, visit) => {
      const number = field(node, 'number');
      if (typeof number === 'number' && number > HIGHEST_PARAMETER) visit.hit('parameter_number');
    },
  ],
];

function all(decision: 'plain' | 'never', types: string): (readonly [string, Decision])[] {
  return types.split(' ').map((type) => [type, decision]);
}

function hitAny(visit: Visit, rule: Parameters<Visit['hit']>[0] | undefined): void {
  if (rule !== undefined) visit.hit(rule);
}

function report(visit: Visit, finding: CallFinding): void {
  hitAny(visit, finding.rule);
  if (finding.writes === true) visit.writes();
}

function qualified(name: string): Decision {
  return (node, visit) => hitAny(visit, ruleOfQualifiers(namesField(node, name)));
}

function visitRangeVar(node: TreeNode, visit: Visit): void {
  const schema = textField(node, 'schemaname');
  if (schema !== undefined) hitAny(visit, ruleOfSchema(schema));
  if (textField(node, 'catalogname') !== undefined) visit.hit('other_schema');
  if (textField(node, 'relpersistence') === 't') visit.hit('temporary_object');
  // They show what other requests of the tenant have prepared.
  if (textField(node, 'relname') === 'pg_prepared_statements') visit.hit('session_state');
}

function visitCall(node: TreeNode, visit: Visit): void {
  const names = namesField(node, 'funcname');
  const args = listField(node, 'args');
  const setting = names.at(-1) === 'set_config' ? localSetting(args) : undefined;
  if (setting !== undefined && ruleOfQualifiers(names) === undefined) {
    visit.writes();
    visit.hit(ruleOfSetting(setting, true));
    return;
  }
  report(visit, findingOfCall(names, args.length));
}

/** The setting's name in `set_config('name', …, true)`, when both are written out. */
function localSetting(args: readonly unknown[]): string | undefined {
  const [name, , local] = args.map((arg) => unwrapped(arg, 'A_Const'));
  if (args.length !== 3 || name === undefined || local === undefined) return undefined;
  const isLocal = field(local, 'boolval');
  const text = field(name, 'sval');
  if (typeof isLocal !== 'object' || isLocal === null || !('boolval' in isLocal) || isLocal.boolval !== true) return undefined;
  return typeof text === 'object' && text !== null && 'sval' in text && typeof text.sval === 'string' ? text.sval : undefined;
}
