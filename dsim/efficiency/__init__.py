"""Label efficiency: the accuracy of classifiers on features for growing numbers of labelled images, and forecasts."""
