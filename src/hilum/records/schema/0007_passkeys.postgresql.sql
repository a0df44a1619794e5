CREATE TABLE passkey (
    "key" VARCHAR NOT NULL,
    owner VARCHAR NOT NULL,
    handle VARCHAR NOT NULL,
    title VARCHAR NOT NULL,
    host VARCHAR NOT NULL,
    credential BYTEA NOT NULL,
    signatures BIGINT NOT NULL,
    created DOUBLE PRECISION NOT NULL,
    used DOUBLE PRECISION,
    PRIMARY KEY ("key")
);

CREATE INDEX passkey_by_owner ON passkey (owner);
