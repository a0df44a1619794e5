CREATE TABLE alert (
    kind VARCHAR NOT NULL,
    event VARCHAR NOT NULL,
    target VARCHAR NOT NULL,
    study_instance_uid VARCHAR NOT NULL,
    text JSON NOT NULL,
    raised DOUBLE NOT NULL,
    due DOUBLE NOT NULL,
    state VARCHAR NOT NULL,
    attempts INTEGER NOT NULL,
    PRIMARY KEY (kind, event, target)
);

CREATE INDEX alert_by_state ON alert (state, due);

CREATE INDEX alert_by_time ON alert (raised);
