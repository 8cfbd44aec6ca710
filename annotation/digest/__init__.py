"""A digest by e-mail, for who asks for it: what happened in a person's regions in a day or a week."""
