-- The read model of tenants. Columns, names and types are a contract with every tool that reads this table.
create table tenant_configs (
  tenant_id varchar(100) primary key,
  tenant_name varchar(255) not null,
  tier varchar(20) not null,
  status varchar(20) not null,
  owner_email varchar(255) not null,
  db_host varchar(255),
  db_port integer,
  db_name varchar(255),
  db_username varchar(255),
  db_password_encrypted text,
  schema_name varchar(255),
  readonly_db_host varchar(255),
  readonly_db_port integer,
  readonly_db_username varchar(255),
  readonly_db_password_encrypted text,
  min_connections integer default 5,
  max_connections integer default 20,
  connection_timeout_seconds integer default 30,
  idle_timeout_seconds integer default 600,
  max_cpu_percent decimal(5, 2) default 80.00,
  max_memory_mb decimal(10, 2) default 2048.00,
  max_storage_gb decimal(10, 2) default 100.00,
  max_concurrent_queries integer default 100,
  timezone varchar(50) default 'UTC',
  locale varchar(10) default 'en_US',
  auto_update boolean default true,
  auto_scale boolean default false,
  master_password_hash varchar(255),
  encryption_algorithm varchar(100) default 'AES-256-GCM',
  created_at timestamp default current_timestamp,
  updated_at timestamp default current_timestamp,
  created_by varchar(255)
);

create index idx_tenant_status on tenant_configs (status);
create index idx_tenant_tier on tenant_configs (tier);

-- What the projection must remember of each row and the contract has no column for.
create table tenant_revisions (
  tenant_id varchar(100) primary key,
  -- Of the tenant's stream: a row is replaced only by one of a higher revision.
  revision bigint not null,
  life integer not null
);
