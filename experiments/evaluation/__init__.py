"""How well the detector finds attacks and leaves the well alone: folds by patient, figures, tables and pictures."""
