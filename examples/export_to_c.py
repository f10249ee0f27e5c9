"""A net for a microcontroller: it learns handwritten digits of 8x8 points, is written as a C file, once of floats and
once of whole numbers of 8 bits, and, if there is a C compiler, compiled and held against Python. Needs scikit-learn,
for the data.

    python export_to_c.py [folder for the C files]
"""
import ctypes
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import mgconv
from mgconv import layers

mgconv.set_random_seed(1)

x, y = load_digits(return_X_y=True)
x = x.reshape(-1, 8, 8, 1).astype("float32") / 16
x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.25, random_state=0, stratify=y)

model = mgconv.Sequential([
    mgconv.Input((8, 8, 1)),
    layers.Conv2D(8, 3, activation="relu"),
    layers.SeparableConv2D(16, 3, activation="relu"),
    layers.MaxPooling2D(2),
    layers.Flatten(),
    layers.Dense(10, activation="softmax"),
])
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x_train, y_train, batch_size=16, epochs=40, verbose=0)

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
sizes = {"digits": model.export_c(folder / "digits.c"),
         "digits8": model.export_c(folder / "digits8.c", dtype="int8", calibration=x_train[:200])}
for name, (flash, memory) in sizes.items():
    print(f"{name}.c: {flash} bytes of weights and tables, {memory} bytes of memory")

answers = {"model.predict": model.predict(x_test, verbose=0),
           'predictor("int8")': model.predictor(len(x_test), precision="int8", calibration=x_train[:200])(x_test)}

compiler = shutil.which("cc")
if compiler is None:
    print(f"no C compiler is here; the files are in {folder}")
else:
    for name in sizes:
        subprocess.run([compiler, "-std=c99", "-O2", folder / f"{name}.c", folder / f"{name}_test.c", "-o",
                        folder / name, "-lm"], check=True)
        print(f"{name}_test: {subprocess.run([folder / name], capture_output=True, text=True).stdout.strip()}")

    # What a device does: numbers in by digits8_quantize, out by digits8_dequantize, both from digits8.h.
    (folder / "device.c").write_text("""
        #include "digits8.h"
        void answer(const float *x, float *y) {
            signed char in[DIGITS8_INPUTS], out[DIGITS8_OUTPUTS];
            for (int i = 0; i < DIGITS8_INPUTS; i++) in[i] = digits8_quantize(x[i]);
            digits8_predict(in, out);
            for (int i = 0; i < DIGITS8_OUTPUTS; i++) y[i] = digits8_dequantize(out[i]);
        }
    """)
    subprocess.run([compiler, "-std=c99", "-O2", "-shared", "-fPIC", folder / "digits8.c", folder / "device.c", "-o",
                    folder / "device.so"], check=True)
    device = ctypes.CDLL(str(folder / "device.so"))
    device.answer.argtypes = [np.ctypeslib.ndpointer(np.float32, flags="C")] * 2
    answers["digits8.c"] = np.zeros((len(x_test), 10), np.float32)
    for sample, answer in zip(x_test, answers["digits8.c"], strict=True):
        device.answer(sample, answer)

for name, answer in answers.items():
    print(f"{name}: accuracy {(answer.argmax(axis=1) == y_test).mean():.4f}")
