ALTER TABLE constancy_run RENAME COLUMN said TO lines;
