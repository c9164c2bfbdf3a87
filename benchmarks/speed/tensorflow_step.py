# Copyright (c) monai_r2c contributors
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""The published method's training step and inference in TensorFlow, run by `versus.py` with a Python that has it.

It is written from the method's description: operational layers as q convolutions with a bias each, instance norm by
moments, one graph for each of the two updates. The pools of generated images, which cost nothing, are left out.
"""

from __future__ import annotations

import sys

import numpy as np
import tensorflow as tf
from serve import serve

ORDER, CHANNELS, CLASSES = 3, 3, 2


class Operational(tf.keras.layers.Layer):
    """Sum of one convolution for each power of the input."""

    def __init__(
        self, filters: int, size: int, stride: int = 1, padding: str = "same", bias: bool = True, up: bool = False
    ):
        super().__init__()
        kind = tf.keras.layers.Conv2DTranspose if up else tf.keras.layers.Conv2D
        self.layers = [kind(filters, size, stride, padding, use_bias=bias) for _ in range(ORDER)]

    def call(self, x: tf.Tensor) -> tf.Tensor:
        power, total = x, self.layers[0](x)
        for layer in self.layers[1:]:
            power = power * x
            total = total + layer(power)
        return total


class InstanceNorm(tf.keras.layers.Layer):
    def build(self, shape: tuple) -> None:
        self.scale = self.add_weight("scale", (shape[-1],), initializer="ones")
        self.offset = self.add_weight("offset", (shape[-1],), initializer="zeros")

    def call(self, x: tf.Tensor) -> tf.Tensor:
        mean, variance = tf.nn.moments(x, [1, 2], keepdims=True)
        return tf.nn.batch_normalization(x, mean, variance, self.offset, self.scale, 1e-3)


def reflected(x: tf.Tensor) -> tf.Tensor:
    return tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], "REFLECT")


def generator(size: int) -> tf.keras.Model:
    image = tf.keras.Input((size, size, CHANNELS))
    start = InstanceNorm()(Operational(128, 3, 2, bias=False)(image))
    x = tf.tanh(start)
    x = InstanceNorm()(Operational(128, 3, padding="valid", bias=False)(reflected(x)))
    x = InstanceNorm()(Operational(128, 3, padding="valid", bias=False)(reflected(tf.tanh(x))))
    features = tf.tanh(start + x)
    logits = tf.keras.layers.Dense(CLASSES)(tf.reduce_max(features, [1, 2]))
    return tf.keras.Model(image, [tf.tanh(Operational(CHANNELS, 3, 2, up=True)(features)), logits])


def discriminator(size: int) -> tf.keras.Model:
    image = tf.keras.Input((size, size, CHANNELS))
    x = tf.nn.leaky_relu(Operational(64, 4, 2)(image), 0.2)
    x = tf.nn.leaky_relu(InstanceNorm()(Operational(128, 4, 4, bias=False)(x)), 0.2)
    return tf.keras.Model(image, tf.nn.leaky_relu(Operational(1, 4)(x), 0.2))


class Training:
    def __init__(self, size: int) -> None:
        self.restorer, self.degrader = generator(size), generator(size)
        self.poor_judge, self.good_judge = discriminator(size), discriminator(size)
        self.optimizers = [tf.keras.optimizers.Adam(2e-4, 0.5, epsilon=1e-7) for _ in range(2)]
        self.poor = tf.random.uniform((1, size, size, CHANNELS), -1, 1, seed=0)
        self.good = tf.random.uniform((1, size, size, CHANNELS), -1, 1, seed=1)

    @tf.function
    def update_generators(self) -> tuple[tf.Tensor, tf.Tensor]:
        poor, good, label = self.poor, self.good, tf.constant([0])
        with tf.GradientTape() as tape:
            restored, logits_0 = self.restorer(poor, training=True)
            degraded, logits_1 = self.degrader(good, training=True)
            cycled_poor, logits_2 = self.degrader(restored, training=True)
            cycled_good, logits_3 = self.restorer(degraded, training=True)
            identity_poor, logits_4 = self.degrader(poor, training=True)
            identity_good, logits_5 = self.restorer(good, training=True)
            scores = self.good_judge(restored, training=True), self.poor_judge(degraded, training=True)
            loss = sum(tf.reduce_mean((score - 1) ** 2) for score in scores)
            loss += 10 * (tf.reduce_mean(abs(poor - cycled_poor)) + tf.reduce_mean(abs(good - cycled_good)))
            loss += 5 * (tf.reduce_mean(abs(poor - identity_poor)) + tf.reduce_mean(abs(good - identity_good)))
            for logits in (logits_0, logits_1, logits_2, logits_3, logits_4, logits_5):
                loss += 0.1 * tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(label, logits))
        weights = self.restorer.trainable_variables + self.degrader.trainable_variables
        self.optimizers[0].apply_gradients(zip(tape.gradient(loss, weights), weights))
        return restored, degraded

    @tf.function
    def update_discriminators(self, restored: tf.Tensor, degraded: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            loss = 0.0
            for judge, real, fake in (
                (self.poor_judge, self.poor, degraded),
                (self.good_judge, self.good, restored),
            ):
                loss += tf.reduce_mean((judge(real, training=True) - 1) ** 2)
                loss += tf.reduce_mean(judge(fake, training=True) ** 2)
        weights = self.poor_judge.trainable_variables + self.good_judge.trainable_variables
        self.optimizers[1].apply_gradients(zip(tape.gradient(loss, weights), weights))

    def __call__(self) -> None:
        images = self.update_generators()
        self.update_discriminators(*images)


class Inference:
    def __init__(self, size: int) -> None:
        network = generator(size)
        self.image = tf.random.uniform((1, size, size, CHANNELS), -1, 1, seed=0)
        self.call = tf.function(lambda image: network(image, training=False))

    def __call__(self) -> np.ndarray:
        return self.call(self.image)[0].numpy()


if __name__ == "__main__":
    task, size, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1 if threads == 1 else 2)
    serve({"training": Training, "inference": Inference}[task](size), f"TensorFlow {tf.__version__}")
