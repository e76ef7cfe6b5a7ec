"""Encode the texts of a table on Spark, with the version of a registered model that serves.

    python spark_encode.py TRACKING_URI models:/support-search@champion IN.parquet OUT.parquet

IN needs a column "text"; OUT has the column "vector" beside it. The workers need the packages that
anchorhold needs, or `env_manager="virtualenv"`, which installs those that the version names.
"""

import sys

import mlflow
from pyspark.sql import SparkSession
from pyspark.sql.types import ArrayType, FloatType

if __name__ == "__main__":
    tracking, model, texts, vectors = sys.argv[1:]
    mlflow.set_tracking_uri(tracking)
    spark = SparkSession.builder.appName("encode").getOrCreate()
    encode = mlflow.pyfunc.spark_udf(
        spark, model, result_type=ArrayType(FloatType()), env_manager="local"
    )
    table = spark.read.parquet(texts)
    table.withColumn("vector", encode("text")).write.mode("overwrite").parquet(vectors)
    spark.stop()
