"""Where did it look? Heatmaps, regions and the overlay picture."""
