import { z } from 'zod';
import { MESSAGES, topicsOf } from './messages.ts';
import type { MessageDefinition } from './messages/define.ts';
import { subjectOf } from './topics.ts';

/** The part of JSON Schema (draft-7) that zod generates for the messages. */
export interface JsonSchema {
  readonly $schema?: string;
  readonly title?: string;
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly propertyNames?: JsonSchema;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly pattern?: string;
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly multipleOf?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
}

/** The body's schema in draft-7, titled with the message's name, so that no two messages share a schema. */
export const jsonSchemaOf = (message: MessageDefinition): JsonSchema => {
  // Through text: the generator's object carries methods besides the schema.
  const { $schema, ...rest }: JsonSchema = JSON.parse(JSON.stringify(z.toJSONSchema(message.schema, { target: 'draft-7' })));
  return { ...($schema === undefined ? {} : { $schema }), title: message.type, ...rest };
};

export interface Subject {
  readonly subject: string;
  readonly topic: string;
  readonly type: string;
  readonly schema: JsonSchema;
}

/** Every subject of the schema registry: one for each message and topic on which it travels. */
export const subjects = (): readonly Subject[] =>
  MESSAGES.flatMap((message) =>
    topicsOf(message).map((topic) => ({
      subject: subjectOf(topic, message.type),
      topic,
      type: message.type,
      schema: jsonSchemaOf(message),
    })),
  );
