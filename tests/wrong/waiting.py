"""Models that pass the proof and work off the clock in the trial."""

import threading
import time

from bench.inputs import epoch_orders
from wrong.plain import Plain
from wrong.trial import Cheat

SLEEP = 0.05  # seconds of work that are left for later


class Asynchronous(Cheat):
    """Works in a thread and says that it is done; copies of the parameters wait for it."""

    worker: threading.Thread | None = None
    last_loss = 2.0

    def wait(self):
        """Wait for the thread."""
        if self.worker is not None:
            self.worker.join()

    def work(self, order):
        """Do an epoch's work, slowly."""
        time.sleep(SLEEP)
        self.last_loss = super().pass_over(order)

    def pass_over(self, order):
        if not self.measured:
            return super().pass_over(order)
        self.wait()
        self.worker = threading.Thread(target=self.work, args=(order,))
        self.worker.start()
        return self.last_loss

    def parameters(self):
        self.wait()
        return super().parameters()

    def predict(self, images):
        self.wait()
        return super().predict(images)


class AsynchronousTail(Asynchronous):
    """Leaves only sleeping work behind: its loss and its parameters are right."""

    def pass_over(self, order):
        loss = Cheat.pass_over(self, order)
        if self.measured:
            self.worker = threading.Thread(target=time.sleep, args=(SLEEP,))
            self.worker.start()
        return loss


class AsynchronousStale(Asynchronous):
    """Works in a thread, and its copies do not wait for it."""

    def parameters(self):
        return Plain.parameters(self)


class WorksInPredict(Cheat):
    """Trains when it is asked to predict."""

    order = None

    def pass_over(self, order):
        if not self.measured:
            return super().pass_over(order)
        self.order = order
        return 1 / (self.epoch + 1)

    def predict(self, images):
        if self.order is not None:
            super().pass_over(self.order)
        return super().predict(images)


class WorksInCopies(WorksInPredict):
    """Trains when its parameters are copied."""

    def parameters(self):
        if self.order is not None:
            time.sleep(SLEEP)
            self.order = Cheat.pass_over(self, self.order) and None
        return super().parameters()


class WorksBetween(Cheat):
    """Trains before it asks for the next order, on the one that it expects."""

    def train(self, orders, epoch_done):
        if not self.measured:
            super().train(orders, epoch_done)
            return
        for order in epoch_orders(self.workload):
            loss = self.pass_over(order)
            time.sleep(SLEEP)
            next(orders)
            epoch_done(loss)
