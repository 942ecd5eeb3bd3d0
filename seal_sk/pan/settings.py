"""Named training settings."""

#: The paper's training on BSDS500, as parameters of `SEALSuperpixels`. The paper does
#: not state the batch and crop size; here, every batch is a single whole image. Use a
#: GPU: on two CPU cores, it would take weeks.
PAPER_SETTINGS = {
    "n_segments": 300,
    "segmenter": "ers",
    "connectivity": 8,
    "balance": 0.5,
    "oversegmentation": 1,
    "network": "pan",
    "width": 128,
    "loss": "seal",
    "train_segment_size": 515,
    "max_iter": 100_000,
    "batch_size": 1,
    "crop_size": None,
    "lr": 1e-4,
    "lr_schedule": "step",
    "lr_step": 30_000,
    "weight_decay": 1e-4,
    "validation_fraction": 0.0,
}
