import type { FastifyDynamicSwaggerOptions, SwaggerTransform } from '@fastify/swagger';
import { jsonSchemaTransform } from 'fastify-type-provider-zod';
import { PROBLEM_MEDIA_TYPE, problemSchema } from './problem.ts';

/** OpenAPI 3.1. Every operation answers problem+json when it fails and needs a bearer token unless it is public. */
export function openApiOptions({ title, version, description }: { title: string; version: string; description?: string }) {
  return {
    openapi: {
      openapi: '3.1.0',
      info: { title, version, ...(description === undefined ? {} : { description }) },
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } } },
      security: [{ bearer: [] }],
    },
    transform: describeRoute,
  } satisfies FastifyDynamicSwaggerOptions;
}

type TransformInput = Parameters<SwaggerTransform>[0];

const describeRoute: SwaggerTransform = (document: TransformInput) => {
  const schema: Record<string, unknown> = { ...document.schema };
  const problem = { description: 'What went wrong', content: { [PROBLEM_MEDIA_TYPE]: { schema: problemSchema } } };
  const described = {
    ...schema,
    response: { ...(typeof schema['response'] === 'object' ? schema['response'] : {}), default: problem },
    ...(document.route.config?.public ? { security: [] } : {}),
  };
  return jsonSchemaTransform({ ...document, schema: described });
};
