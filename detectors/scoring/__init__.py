"""From standardised statistics to one score: tails, family-free sum, classifiers, the common scale."""
