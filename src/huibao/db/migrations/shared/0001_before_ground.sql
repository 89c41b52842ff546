-- Why: what all programmes of one database share: which programmes there are, who may speak to them, and the names of
-- insurers and hospitals that more than one city knows. Programme tables refer to these by value, never by foreign
-- key, so that a programme's schema can live on another node.

DO $$
BEGIN
    -- Roles belong to the whole server; two databases of one server meet here.
    CREATE ROLE huibao_service NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;

CREATE TABLE programme (
    code        text PRIMARY KEY CHECK (code ~ '^[0-9]{6}$'),
    name        text NOT NULL,
    scheme      text NOT NULL,
    area        text NOT NULL,
    schema_name text NOT NULL UNIQUE,
    created_at  timestamptz NOT NULL
);

CREATE TABLE insurer (
    id          text PRIMARY KEY,
    name        text NOT NULL,
    endpoint    text,                                   -- where its system takes messages; none: it is not connected
    created_at  timestamptz NOT NULL
);

CREATE TABLE provider (
    id          text PRIMARY KEY,                       -- fixmedins_code
    name        text NOT NULL,
    area        text NOT NULL,
    created_at  timestamptz NOT NULL
);

-- A credential is shown once and kept as a digest. It acts for one role; `programme` none is every programme, and
-- person, insurer, provider and area narrow what the role reaches. It is revoked by a date, never deleted.
CREATE TABLE credential (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest      bytea NOT NULL UNIQUE,
    role        text NOT NULL CHECK (role IN ('member', 'agency', 'bureau', 'insurer', 'provider', 'regulator',
                                              'actuary', 'auditor', 'administrator')),
    label       text NOT NULL,
    programme   text,
    person_id   bigint,
    insurer     text,
    provider    text,
    area        text,
    scopes      text[] NOT NULL DEFAULT '{}',           -- empty: all that the role may; else only these routes
    issued_at   timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    revoked_at  timestamptz,
    CHECK (role <> 'member' OR (programme IS NOT NULL AND person_id IS NOT NULL)),
    CHECK (role <> 'insurer' OR insurer IS NOT NULL),
    CHECK (role <> 'provider' OR provider IS NOT NULL)
);

-- Where each batch takes its simulated or real instant from is the service's business; no default here reads a clock.
GRANT USAGE ON SCHEMA public TO huibao_service;
GRANT SELECT ON programme, insurer, provider TO huibao_service;
GRANT SELECT, INSERT ON credential TO huibao_service;
GRANT UPDATE (revoked_at) ON credential TO huibao_service;
