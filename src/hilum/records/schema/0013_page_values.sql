CREATE TABLE page_values (
	number INTEGER NOT NULL, 
	chosen JSON NOT NULL, 
	PRIMARY KEY (number)
);
