"""Quality control of image datasets: copies, blank images, outliers, doubtful labels, groups that cluster."""
