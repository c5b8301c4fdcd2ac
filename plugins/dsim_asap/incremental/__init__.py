"""Growing a trained model by new datasets: class-incremental and few-shot, as section V of the paper proposes."""
