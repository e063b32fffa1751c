"""What is measured of each patient, clean and attacked: the material of an evaluation."""
