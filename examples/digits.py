"""Handwritten digits of 8x8 points, told apart by a small convolutional net. Needs scikit-learn, for the data.

The same program runs with Keras: `keras` in place of `mgconv` in the two imports is all.
"""
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import mgconv as keras  # or: import keras
from mgconv import callbacks, layers

keras.utils.set_random_seed(1)

x, y = load_digits(return_X_y=True)
x = x.reshape(-1, 8, 8, 1).astype("float32") / 16
x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.25, random_state=0, stratify=y)

model = keras.Sequential([
    keras.Input((8, 8, 1)),
    layers.Conv2D(32, 3, padding="same", activation="relu"),
    layers.Conv2D(32, 3, padding="same", activation="relu"),
    layers.MaxPooling2D(2),
    layers.Dropout(0.25),
    layers.Flatten(),
    layers.Dense(64, activation="relu"),
    layers.Dropout(0.5),
    layers.Dense(10, activation="softmax"),
])
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.summary()

classes, counts = np.unique(y_train, return_counts=True)
history = model.fit(
    x_train, y_train, batch_size=32, epochs=20, validation_split=0.1, verbose=2,
    class_weight={int(c): len(y_train) / (10 * n) for c, n in zip(classes, counts, strict=True)},
    callbacks=[callbacks.EarlyStopping("val_loss", patience=5, restore_best_weights=True),
               callbacks.ReduceLROnPlateau("val_loss", factor=0.5, patience=3)])

loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
predicted = model.predict(x_test, verbose=0).argmax(axis=1)
confusion = np.zeros((10, 10), int)
np.add.at(confusion, (y_test, predicted), 1)
print(f"test loss {loss:.4f}, accuracy {accuracy:.4f}, {len(history.epoch)} epochs")
print(confusion)
