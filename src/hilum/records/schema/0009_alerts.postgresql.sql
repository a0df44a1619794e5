CREATE TABLE alert (
    kind VARCHAR NOT NULL,
    event VARCHAR NOT NULL,
    target VARCHAR NOT NULL,
    study_instance_uid VARCHAR NOT NULL,
    text JSON NOT NULL,
    raised DOUBLE PRECISION NOT NULL,
    due DOUBLE PRECISION NOT NULL,
    state VARCHAR NOT NULL,
    attempts INTEGER NOT NULL,
    PRIMARY KEY (kind, event, target)
);

COMMENT ON TABLE alert IS 'Alerts: one line for each event and target, written before it is sent.';

CREATE INDEX alert_by_state ON alert (state, due);

CREATE INDEX alert_by_time ON alert (raised);
