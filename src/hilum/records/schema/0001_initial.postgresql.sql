CREATE TABLE feed (
    archive VARCHAR NOT NULL,
    sequence INTEGER NOT NULL,
    anchor VARCHAR NOT NULL,
    PRIMARY KEY (archive)
);

COMMENT ON TABLE feed IS 'How far each archive''s changes feed was followed.';

CREATE TABLE image (
    archive VARCHAR NOT NULL,
    study_instance_uid VARCHAR NOT NULL,
    series_instance_uid VARCHAR NOT NULL,
    sop_instance_uid VARCHAR NOT NULL,
    instance_id VARCHAR NOT NULL,
    file_digest VARCHAR,
    urgency VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    reasons JSON NOT NULL,
    results JSON NOT NULL,
    result_instances JSON,
    run INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    lost INTEGER NOT NULL,
    arrived DOUBLE PRECISION NOT NULL,
    started DOUBLE PRECISION,
    settled DOUBLE PRECISION,
    model VARCHAR,
    seconds JSON,
    PRIMARY KEY (archive, study_instance_uid, series_instance_uid, sop_instance_uid)
);

COMMENT ON TABLE image IS 'Outcome of each image: one line for each, whatever happens to its jobs.';

CREATE INDEX image_by_arrival ON image (archive, arrived);

CREATE INDEX image_by_end ON image (state, settled, archive);

CREATE INDEX image_by_instance ON image (archive, instance_id);

CREATE INDEX image_by_state ON image (state, archive, arrived, urgency);

CREATE INDEX image_by_study ON image (archive, study_instance_uid, arrived);

CREATE INDEX image_by_uid ON image (archive, sop_instance_uid);

CREATE TABLE reading (
    archive VARCHAR NOT NULL,
    study_instance_uid VARCHAR NOT NULL,
    series_instance_uid VARCHAR NOT NULL,
    sop_instance_uid VARCHAR NOT NULL,
    run INTEGER NOT NULL,
    document BYTEA NOT NULL,
    maps BYTEA NOT NULL,
    maps_shape JSON NOT NULL,
    field_of_view JSON NOT NULL,
    PRIMARY KEY (archive, study_instance_uid, series_instance_uid, sop_instance_uid)
);

COMMENT ON TABLE reading IS 'What the model said about each image, and why, for the page.';

CREATE TABLE forward (
    archive VARCHAR NOT NULL,
    study_instance_uid VARCHAR NOT NULL,
    series_instance_uid VARCHAR NOT NULL,
    sop_instance_uid VARCHAR NOT NULL,
    target VARCHAR NOT NULL,
    run INTEGER NOT NULL,
    state VARCHAR NOT NULL,
    attempts INTEGER NOT NULL,
    why VARCHAR NOT NULL,
    changed DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (archive, study_instance_uid, series_instance_uid, sop_instance_uid, target)
);

COMMENT ON TABLE forward IS 'Results that are sent on to other PACS.';

CREATE INDEX forward_by_state ON forward (state, archive, changed);

CREATE TABLE worker (
    executor_id VARCHAR NOT NULL,
    host VARCHAR NOT NULL,
    role VARCHAR NOT NULL,
    model VARCHAR NOT NULL,
    version VARCHAR NOT NULL,
    started DOUBLE PRECISION NOT NULL,
    beat DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (executor_id)
);

COMMENT ON TABLE worker IS 'Workers; a heartbeat that stops means that one died.';

CREATE TABLE backfill (
    archive VARCHAR NOT NULL,
    query VARCHAR NOT NULL,
    after VARCHAR NOT NULL,
    studies INTEGER NOT NULL,
    images INTEGER NOT NULL,
    finished DOUBLE PRECISION,
    PRIMARY KEY (archive, query)
);

COMMENT ON TABLE backfill IS 'How far each backfill is, so that a broken one goes on.';

CREATE TABLE audit (
    number SERIAL NOT NULL,
    at DOUBLE PRECISION NOT NULL,
    actor VARCHAR NOT NULL,
    action VARCHAR NOT NULL,
    archive VARCHAR NOT NULL,
    study_instance_uid VARCHAR NOT NULL,
    sop_instance_uid VARCHAR NOT NULL,
    detail JSON NOT NULL,
    chain VARCHAR NOT NULL,
    PRIMARY KEY (number)
);

COMMENT ON TABLE audit IS 'Who or what read which study. Lines are added, never changed.';

CREATE INDEX audit_by_study ON audit (study_instance_uid);

CREATE TABLE study (
    archive VARCHAR NOT NULL,
    study_instance_uid VARCHAR NOT NULL,
    patient_name VARCHAR NOT NULL,
    patient_id VARCHAR NOT NULL,
    issuer VARCHAR NOT NULL,
    whole_name VARCHAR NOT NULL,
    birth_date VARCHAR NOT NULL,
    age_years DOUBLE PRECISION,
    sex VARCHAR NOT NULL,
    accession_number VARCHAR NOT NULL,
    study_date VARCHAR NOT NULL,
    study_time VARCHAR NOT NULL,
    description VARCHAR NOT NULL,
    arrived DOUBLE PRECISION NOT NULL,
    changed DOUBLE PRECISION NOT NULL,
    rank INTEGER NOT NULL,
    due DOUBLE PRECISION NOT NULL,
    urgency VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    reasons JSON NOT NULL,
    images INTEGER NOT NULL,
    positives INTEGER NOT NULL,
    findings JSON NOT NULL,
    model JSON,
    cover VARCHAR NOT NULL,
    cover_series VARCHAR NOT NULL,
    reviewed DOUBLE PRECISION,
    PRIMARY KEY (archive, study_instance_uid)
);

COMMENT ON TABLE study IS 'The worklist: one line for each study.';

CREATE INDEX study_by_change ON study (archive, changed);

CREATE INDEX study_by_date ON study (archive, study_date);

CREATE INDEX study_by_patient ON study (archive, patient_id);

CREATE INDEX study_by_state ON study (archive, state, rank, due);

CREATE INDEX study_in_order ON study (archive, rank, due, study_instance_uid);

CREATE TABLE study_finding (
    archive VARCHAR NOT NULL,
    label VARCHAR NOT NULL,
    study_instance_uid VARCHAR NOT NULL,
    PRIMARY KEY (archive, label, study_instance_uid)
);

COMMENT ON TABLE study_finding IS 'Which findings are positive in which study, to filter by.';

CREATE INDEX study_finding_by_study ON study_finding (archive, study_instance_uid);

CREATE TABLE study_word (
    archive VARCHAR NOT NULL,
    word VARCHAR COLLATE "C" NOT NULL,
    study_instance_uid VARCHAR NOT NULL,
    PRIMARY KEY (archive, word, study_instance_uid)
);

COMMENT ON TABLE study_word IS 'Words of names, IDs and accession numbers, to search by their beginnings.';

CREATE INDEX study_word_by_study ON study_word (archive, study_instance_uid, word);

CREATE TABLE thumbnail (
    archive VARCHAR NOT NULL,
    study_instance_uid VARCHAR NOT NULL,
    series_instance_uid VARCHAR NOT NULL,
    sop_instance_uid VARCHAR NOT NULL,
    picture BYTEA NOT NULL,
    PRIMARY KEY (archive, study_instance_uid, series_instance_uid, sop_instance_uid)
);

COMMENT ON TABLE thumbnail IS 'Small pictures of images, made once.';

CREATE TABLE review (
    number SERIAL NOT NULL,
    archive VARCHAR NOT NULL,
    study_instance_uid VARCHAR NOT NULL,
    series_instance_uid VARCHAR NOT NULL,
    sop_instance_uid VARCHAR NOT NULL,
    at DOUBLE PRECISION NOT NULL,
    month VARCHAR NOT NULL,
    reader VARCHAR NOT NULL,
    model VARCHAR NOT NULL,
    model_sha256 VARCHAR NOT NULL,
    demonstration BOOLEAN NOT NULL,
    missing JSON NOT NULL,
    comment VARCHAR NOT NULL,
    report VARCHAR NOT NULL,
    PRIMARY KEY (number),
    UNIQUE (report)
);

COMMENT ON TABLE review IS 'Reviews of the model''s findings by readers. Rows are added, never changed.';

CREATE INDEX review_by_study ON review (archive, study_instance_uid);

CREATE TABLE review_finding (
    number INTEGER NOT NULL,
    label VARCHAR NOT NULL,
    opinion VARCHAR NOT NULL,
    positive BOOLEAN NOT NULL,
    raw DOUBLE PRECISION NOT NULL,
    operating_point DOUBLE PRECISION NOT NULL,
    score DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (number, label)
);

COMMENT ON TABLE review_finding IS 'The reviews, one line for each finding that the reader judged.';

CREATE TABLE user_account (
    name VARCHAR NOT NULL,
    role VARCHAR NOT NULL,
    password VARCHAR NOT NULL,
    subject VARCHAR,
    created DOUBLE PRECISION NOT NULL,
    signed_in DOUBLE PRECISION,
    PRIMARY KEY (name),
    UNIQUE (subject)
);

COMMENT ON TABLE user_account IS 'Who may sign in.';

CREATE TABLE session (
    key VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    csrf VARCHAR NOT NULL,
    began DOUBLE PRECISION NOT NULL,
    seen DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (key)
);

COMMENT ON TABLE session IS 'Who is signed in; a line goes with sign-out, password change, role change.';

CREATE INDEX session_by_name ON session (name);

CREATE TABLE token (
    name VARCHAR NOT NULL,
    key VARCHAR NOT NULL,
    role VARCHAR NOT NULL,
    created DOUBLE PRECISION NOT NULL,
    expires DOUBLE PRECISION,
    used DOUBLE PRECISION,
    PRIMARY KEY (name),
    UNIQUE (key)
);

COMMENT ON TABLE token IS 'API tokens.';

CREATE TABLE login_attempt (
    number SERIAL NOT NULL,
    at DOUBLE PRECISION NOT NULL,
    name VARCHAR NOT NULL,
    address VARCHAR NOT NULL,
    PRIMARY KEY (number)
);

COMMENT ON TABLE login_attempt IS 'Sign-ins that did not succeed, for as long as they are counted.';

CREATE INDEX login_attempt_by_time ON login_attempt (at);

CREATE TABLE drift_count (
    archive VARCHAR NOT NULL,
    model VARCHAR NOT NULL,
    "window" VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    subject VARCHAR NOT NULL,
    bin INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (archive, model, "window", kind, subject, bin)
);

COMMENT ON TABLE drift_count IS 'Histograms of what a model said: they do not grow with the images.';

CREATE TABLE constancy_reference (
    model VARCHAR NOT NULL,
    recorded DOUBLE PRECISION NOT NULL,
    answer JSON NOT NULL,
    PRIMARY KEY (model)
);

COMMENT ON TABLE constancy_reference IS 'What each model said of the self-test''s phantom when that was recorded.';

CREATE TABLE constancy_run (
    number SERIAL NOT NULL,
    archive VARCHAR NOT NULL,
    mode VARCHAR NOT NULL,
    began DOUBLE PRECISION NOT NULL,
    expires DOUBLE PRECISION NOT NULL,
    ended DOUBLE PRECISION,
    study_instance_uid VARCHAR NOT NULL,
    sop_instance_uid VARCHAR NOT NULL,
    pixels VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    model VARCHAR NOT NULL,
    said JSON NOT NULL,
    worst DOUBLE PRECISION,
    seconds JSON NOT NULL,
    PRIMARY KEY (number)
);

COMMENT ON TABLE constancy_run IS 'The last self-tests, newest last.';

CREATE INDEX constancy_run_by_image ON constancy_run (archive, sop_instance_uid);

CREATE INDEX constancy_run_by_time ON constancy_run (archive, began);

CREATE FUNCTION audit_is_only_added_to() RETURNS trigger LANGUAGE plpgsql AS
$$BEGIN RAISE EXCEPTION 'the audit trail is only added to'; END$$;

CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
FOR EACH STATEMENT EXECUTE FUNCTION audit_is_only_added_to();
