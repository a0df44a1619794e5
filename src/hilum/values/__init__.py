"""What headers nearly say: dates, ages and numbers as people and programs write them."""
