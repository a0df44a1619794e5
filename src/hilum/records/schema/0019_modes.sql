ALTER TABLE image ADD COLUMN mode VARCHAR DEFAULT 'live' NOT NULL;

ALTER TABLE reading ADD COLUMN mode VARCHAR DEFAULT 'live' NOT NULL;

ALTER TABLE study ADD COLUMN mode VARCHAR DEFAULT 'live' NOT NULL;

ALTER TABLE review ADD COLUMN mode VARCHAR DEFAULT 'live' NOT NULL;

DROP INDEX image_by_state;

CREATE INDEX image_by_state ON image (state, archive, arrived, urgency, mode);
