"""Networks that score how real a picture looks: (N, C, H, W) in [0, 1] -> logits, no sigmoid."""
