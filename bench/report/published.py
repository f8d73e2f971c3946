"""Published figures for this work, to be shown beside ours and never ranked with them."""

NOTEBOOK = "notebook “Deep Learning with MNIST”"
CELERON = "Intel Celeron N2840, 2.16 GHz"
EPOCH = "s per epoch of 6,000 images"

HEADERS = ("source", "machine", "nearest variant", "what", "figure", "same work as ours")
FIGURES = (
    (NOTEBOOK, CELERON, "sigmoid", EPOCH, "16", "yes"),
    (NOTEBOOK, CELERON, "relu", EPOCH, "14", "yes"),
    (NOTEBOOK, CELERON, "relu", f"{EPOCH}, evaluation on 5,000 included", "20", "no"),
    (f"{NOTEBOOK}, printed output", "not named", "sigmoid",
     f"{EPOCH}, evaluation on 5,000 included", "26", "no"),
    (f"{NOTEBOOK}, printed output", "–", "sigmoid",
     "after 1 epoch of 6,000: loss, accuracy as it trained, validation loss and accuracy",
     "2.2948, 0.1468, 2.2567, 0.1412", "no"),
    ("Keras example mnist_mlp", "GRID K520", "keras-example",
     "s per epoch of 60,000 images, evaluation on 10,000 included", "2", "no"),
    ("Keras example mnist_mlp", "–", "keras-example",
     "test accuracy after 20 epochs of 60,000 images", "0.984", "no"),
)  # fmt: skip
# Of exactly the same work, by variant and images; published as whole seconds, so good to half one.
NOTEBOOK_SECONDS = {("sigmoid", 6_000): 16.0, ("relu", 6_000): 14.0}
