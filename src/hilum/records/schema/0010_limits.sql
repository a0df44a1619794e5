CREATE TABLE study_attribute (
	archive VARCHAR NOT NULL, 
	study_instance_uid VARCHAR NOT NULL, 
	attribute VARCHAR NOT NULL, 
	value VARCHAR NOT NULL, 
	PRIMARY KEY (archive, study_instance_uid, attribute, value)
);

ALTER TABLE user_account ADD COLUMN limits JSON DEFAULT '[]' NOT NULL;
