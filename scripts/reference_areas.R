#!/usr/bin/env Rscript
# What pROC says of tests/evaluation/areas.csv, as JSON: Rscript scripts/reference_areas.R FILE
# Debian: apt-get install r-cran-proc. The tests compare with its committed answer,
# tests/evaluation/areas.json, and with R itself where it is installed.
suppressPackageStartupMessages(library(pROC))
rows <- read.csv(commandArgs(trailingOnly = TRUE)[1])
number <- function(value) formatC(value, digits = 12, format = "g")
said <- sapply(unique(rows$case), function(case) {
  these <- rows[rows$case == case, ]
  a <- roc(these$truth, these$a, direction = "<", quiet = TRUE)
  b <- roc(these$truth, these$b, direction = "<", quiet = TRUE)
  test <- roc.test(a, b, method = "delong", paired = TRUE)
  plain <- ci.auc(a, method = "delong")
  sprintf(
    '"%s": {"auc_a": %s, "auc_b": %s, "variance_a": %s, "variance_b": %s, "covariance": %s, "z": %s, "low_a": %s, "high_a": %s}',
    case, number(auc(a)), number(auc(b)), number(var(a, method = "delong")),
    number(var(b, method = "delong")), number(cov(a, b, method = "delong")),
    number(unname(test$statistic)), number(plain[1]), number(plain[3])
  )
})
cat("{\n", paste(said, collapse = ",\n"), "\n}\n", sep = "")
