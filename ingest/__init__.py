"""A live way in: monitors speak to it, their messages become minutes on the vitals topics."""
