ALTER TABLE image RENAME COLUMN instance_id TO reference;

ALTER TABLE image RENAME COLUMN result_instances TO result_references;

DROP INDEX image_by_instance;

CREATE INDEX image_by_reference ON image (archive, reference);

ALTER TABLE feed ADD COLUMN position VARCHAR DEFAULT '' NOT NULL;

UPDATE feed SET position = sequence || ' ' || anchor WHERE sequence > 0;

ALTER TABLE feed DROP COLUMN sequence;

ALTER TABLE feed DROP COLUMN anchor;
