"""The words of this project, as --help explains them."""

WORDS = """
\b
backend       one way to train the network: a file in backends/ (numpy, torch …)
device        where it computes: cpu, cuda:0, mps …
workload      everything that defines the work; only equal ones are compared
variant       a named workload: sigmoid, relu, relu-dropout, keras-example
case          backend × device × workload: one row of a table
epoch         one pass over the training images, batch by batch
trial         building the model of a case and training it, in its own process
round         one trial of every case
run           one `python -m bench run`; one JSON file in reports/runs/
verification  a check, before anything is timed, that a case computes the
              specified network
GEMM bound    the matrix products of one epoch alone: what no float32
              implementation can avoid
"""
