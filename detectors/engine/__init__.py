"""A batch of minutes on its way: admitted, cleaned, judged in arrays over all devices, turned into verdicts."""
