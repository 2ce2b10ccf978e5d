import type { Decision, Visit } from './decision.ts';
import type { RuleName } from './rules.ts';
import { isCatalog, ruleOfQualifiers } from './schemas.ts';
import { ruleOfFunctionSetting, ruleOfSetting } from './settings.ts';
import { field, isTreeNode, listField, namesField, textField, type TreeNode, unwrapped } from './tree.ts';

/** CURSOR_OPT_HOLD of Postgres's parsenodes.h. */
const WITH_HOLD = 0x0020;

/** All statements, wherever they stand: a statement inside of another one (EXPLAIN, WITH, a rule, a function's body) falls under its own rule too. */
export const STATEMENTS: readonly (readonly [type: string, decision: Decision])[] = [
  ['SelectStmt', 'plain'],
  ['InsertStmt', visitChange],
  ['UpdateStmt', visitChange],
  ['DeleteStmt', visitChange],
  ['MergeStmt', visitChange],
  ['ReturnStmt', 'plain'],
  ['VariableShowStmt', 'plain'],
  ['ExplainStmt', visitExplain],
  ['CallStmt', rule('procedure')],
  ['DoStmt', rule('code_block')],
  ['TransactionStmt', visitTransaction],
  ['VariableSetStmt', visitSet],
  ['ConstraintsSetStmt', rule('local_setting')],
  ['DiscardStmt', rule('session_state')],
  [
    'DeclareCursorStmt',
    (node, visit) => visit.hit((Number(field(node, 'options')) & WITH_HOLD) === 0 ? 'cursor' : 'cursor_with_hold'),
  ],
  ...under('cursor', 'ClosePortalStmt FetchStmt'),
  ...under('prepared_statement', 'DeallocateStmt ExecuteStmt PrepareStmt'),
  ...under('notification', 'ListenStmt NotifyStmt UnlistenStmt'),
  ['CopyStmt', rule('copy')],
  ['LockStmt', rule('table_lock')],
  ['TruncateStmt', rule('truncate')],
  ...under('maintenance', 'ClusterStmt RefreshMatViewStmt ReindexStmt VacuumStmt'),
  ...under(
    'role_administration',
    'AlterDefaultPrivilegesStmt AlterOwnerStmt AlterRoleSetStmt AlterRoleStmt CreateRoleStmt DropOwnedStmt DropRoleStmt GrantRoleStmt ' +
      'ReassignOwnedStmt',
  ),
  ...under(
    'server_administration',
    'AlterDatabaseRefreshCollStmt AlterDatabaseSetStmt AlterDatabaseStmt AlterSystemStmt AlterTableMoveAllStmt AlterTableSpaceOptionsStmt ' +
      'CheckPointStmt CreatedbStmt CreateTableSpaceStmt DropdbStmt DropTableSpaceStmt LoadStmt SecLabelStmt',
  ),
  ...under(
    'extension',
    'AlterEventTrigStmt AlterExtensionContentsStmt AlterExtensionStmt AlterFdwStmt AlterForeignServerStmt AlterPublicationStmt ' +
      'AlterSubscriptionStmt AlterUserMappingStmt CreateAmStmt CreateEventTrigStmt CreateExtensionStmt CreateFdwStmt ' +
      'CreateForeignServerStmt CreateForeignTableStmt CreatePLangStmt CreatePublicationStmt CreateSubscriptionStmt CreateTransformStmt ' +
      'CreateUserMappingStmt DropSubscriptionStmt DropUserMappingStmt ImportForeignSchemaStmt',
  ),
  ...under(
    'definition',
    'AlterCollationStmt AlterDomainStmt AlterEnumStmt AlterFunctionStmt AlterObjectDependsStmt AlterObjectSchemaStmt AlterOperatorStmt ' +
      'AlterOpFamilyStmt AlterPolicyStmt AlterSeqStmt AlterStatsStmt AlterTSConfigurationStmt AlterTSDictionaryStmt ' +
      'AlterTypeStmt CompositeTypeStmt CreateCastStmt CreateConversionStmt CreateOpClassStmt CreateOpFamilyStmt CreatePolicyStmt ' +
      'CreateSchemaStmt CreateSeqStmt CreateStatsStmt CreateStmt CreateTableAsStmt CreateTrigStmt DropStmt GrantStmt IndexStmt ' +
      'RuleStmt ViewStmt',
  ),
  ['AlterTableStmt', visitAlterTable],
  ['CommentStmt', visitNamedObject('objtype')],
  ['RenameStmt', visitNamedObject('renameType')],
  ['CreateFunctionStmt', visitDefinition('funcname')],
  ['DefineStmt', visitDefinition('defnames')],
  ['CreateDomainStmt', visitDefinition('domainname')],
  ['CreateEnumStmt', visitDefinition('typeName')],
  ['CreateRangeStmt', visitDefinition('typeName')],
  ['PLAssignStmt', 'never'],
  ['SetOperationStmt', 'never'],
];

function rule(name: RuleName): Decision {
  return (_, visit) => visit.hit(name);
}

function under(name: RuleName, types: string): (readonly [string, Decision])[] {
  return types.split(' ').map((type) => [type, rule(name)]);
}

function visitChange(node: TreeNode, visit: Visit): void {
  visit.writes();
  const target = field(node, 'relation');
  if (isTreeNode(target) && isCatalog(textField(target, 'schemaname'), textField(target, 'relname') ?? ''))
    visit.hit('catalog_write');
}

function visitExplain(node: TreeNode, visit: Visit): void {
  const analyzes = listField(node, 'options').some(
    (option) => textField(unwrapped(option, 'DefElem') ?? {}, 'defname') === 'analyze',
  );
  if (analyzes) visit.hit('explain_analyze');
}

function visitTransaction(node: TreeNode, visit: Visit): void {
  const kind = textField(node, 'kind');
  const savepoint = kind === 'TRANS_STMT_SAVEPOINT' || kind === 'TRANS_STMT_RELEASE' || kind === 'TRANS_STMT_ROLLBACK_TO';
  visit.hit(savepoint ? 'savepoint' : 'transaction_control');
}

function visitSet(node: TreeNode, visit: Visit): void {
  const name = textField(node, 'name') ?? '';
  if (visit.parent === 'DefElem') {
    const found = ruleOfFunctionSetting(name);
    if (found !== undefined) visit.hit(found);
    return;
  }
  const kind = textField(node, 'kind');
  const assigns = kind === 'VAR_SET_VALUE' || kind === 'VAR_SET_DEFAULT';
  visit.hit(assigns ? ruleOfSetting(name, field(node, 'is_local') === true) : 'session_setting');
}

function visitAlterTable(node: TreeNode, visit: Visit): void {
  visit.hit('definition');
  for (const command of listField(node, 'cmds')) {
    if (textField(unwrapped(command, 'AlterTableCmd') ?? {}, 'subtype') === 'AT_ChangeOwner') visit.hit('role_administration');
  }
}

/** Of roles and databases even the comment is the platform's: it says whose home they are. */
function visitNamedObject(type: string): Decision {
  return (node, visit) => {
    const object = textField(node, type);
    visit.hit(object === 'OBJECT_ROLE' || object === 'OBJECT_DATABASE' ? 'role_administration' : 'definition');
  };
}

function visitDefinition(name: string): Decision {
  return (node, visit) => {
    visit.hit('definition');
    if (ruleOfQualifiers(namesField(node, name)) === 'temporary_object') visit.hit('temporary_object');
  };
}
