CREATE TABLE passkey (
    "key" VARCHAR NOT NULL,
    owner VARCHAR NOT NULL,
    handle VARCHAR NOT NULL,
    title VARCHAR NOT NULL,
    host VARCHAR NOT NULL,
    credential BLOB NOT NULL,
    signatures BIGINT NOT NULL,
    created DOUBLE NOT NULL,
    used DOUBLE,
    PRIMARY KEY ("key")
);

CREATE INDEX passkey_by_owner ON passkey (owner);
