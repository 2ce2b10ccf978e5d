/** The path prefixes of the platform's one public origin and the app that answers each. Whatever routes for us is made from this. */
export const ROUTES = [
  { prefix: '/v1/tenants', app: 'registry' },
  { prefix: '/v1/rollouts', app: 'registry' },
  { prefix: '/v1/audit', app: 'registry' },
  { prefix: '/v1/query', app: 'pool-gateway' },
  { prefix: '/v1/transaction', app: 'pool-gateway' },
  { prefix: '/v1/pools', app: 'pool-gateway' },
  { prefix: '/v1/usage', app: 'data-product' },
  { prefix: '/v1/costs', app: 'data-product' },
  { prefix: '/v1/compliance', app: 'data-product' },
  { prefix: '/v1/trends', app: 'data-product' },
  { prefix: '/v1/recommendations', app: 'optimizer' },
  { prefix: '/v1/forecasts', app: 'predictor' },
  { prefix: '/v1/anomalies', app: 'predictor' },
  { prefix: '/mcp', app: 'mcp' },
] as const;

export interface Route {
  readonly prefix: string;
  readonly app: string;
}
