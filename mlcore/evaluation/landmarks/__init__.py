"""How well each modality finds the others: every direction on held-out places, against chance and what is simpler."""
