"""Where the jobs of a study are carried out: in processes of this machine, or by a cluster's workers."""
