"""How updates become one model: a rule a file. `base.aggregation_rules()` finds them."""
