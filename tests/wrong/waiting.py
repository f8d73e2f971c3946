"""Clocks that stop before a background thread is done."""

import threading
import time

from wrong.plain import Plain

SLEEP = 0.05  # seconds that the thread takes longer


class Background(Plain):
    """Leaves work to a thread, which copies and predictions wait for."""

    thread: threading.Thread | None = None

    def leave(self, work, *arguments):
        """Do the work later."""

        def slowly():
            time.sleep(SLEEP)
            work(*arguments)

        self.thread = threading.Thread(target=slowly)
        self.thread.start()

    def wait(self):
        """Wait for the thread."""
        if self.thread is not None:
            self.thread.join()

    def parameters(self):
        self.wait()
        return super().parameters()

    def predict(self, images):
        self.wait()
        return super().predict(images)


class LastUpdateLater(Background):
    """The last update of an epoch ends in a thread."""

    def pass_over(self, order):
        self.left = len(self.batches(order))
        return super().pass_over(order)

    def update(self, gradients):
        self.left -= 1
        if self.left:
            super().update(gradients)
        else:
            self.leave(super().update, gradients)

    def train(self, orders, epoch_done):
        for order in orders:
            self.wait()
            epoch_done(self.pass_over(order))


class LastUpdateUnjoined(LastUpdateLater):
    """And copies of the parameters do not wait for it."""

    def parameters(self):
        return Plain.parameters(self)


class WholeEpochLater(Background):
    """The whole epoch is done in a thread, whose loss is reported an epoch late."""

    loss_so_far = 2.3

    def pass_over(self, order):
        self.wait()
        self.leave(self.work, order)
        return self.loss_so_far

    def work(self, order):
        """Train on all batches."""
        self.loss_so_far = super().pass_over(order)


class DeviceBusy(Background):
    """All is right, but the device works on."""

    def pass_over(self, order):
        loss = super().pass_over(order)
        self.leave(list)
        return loss
