"""Compiles the Kotlin fragment together with declarations of what it uses of Android and TensorFlow Lite. They are
sufficient to check its syntax and types. They follow android.app.Activity, android.content.res.AssetManager,
android.graphics.Bitmap and org.tensorflow.lite.Interpreter."""

import shutil
import subprocess
from pathlib import Path
from typing import Sequence

import pytest

COMPILER = "kotlin-compiler@2.4.20"
DECLARED = {
    "os": "package android.os\nclass Bundle\n",
    "log": """package android.util
object Log { fun i(tag: String, message: String): Int = tag.length + message.length }
""",
    "app": """package android.app
open class Activity {
    open fun onCreate(savedInstanceState: android.os.Bundle?) {}
    val assets = android.content.res.AssetManager()
}
""",
    "assets": """package android.content.res
class AssetManager {
    fun open(name: String): java.io.InputStream = java.io.FileInputStream(name)
    fun openFd(name: String): AssetFileDescriptor = AssetFileDescriptor()
}
class AssetFileDescriptor : java.io.Closeable {
    val fileDescriptor = java.io.FileDescriptor()
    val startOffset = 0L
    val declaredLength = 0L
    override fun close() {}
}
""",
    "graphics": """package android.graphics
object BitmapFactory { fun decodeStream(stream: java.io.InputStream): Bitmap = Bitmap() }
class Bitmap {
    fun getPixels(pixels: IntArray, offset: Int, stride: Int, x: Int, y: Int, width: Int, height: Int) {}
    companion object { fun createScaledBitmap(from: Bitmap, width: Int, height: Int, filter: Boolean): Bitmap = from }
}
""",
    "lite": """package org.tensorflow.lite
class Interpreter(model: java.nio.ByteBuffer) : AutoCloseable {
    fun runForMultipleInputsOutputs(inputs: Array<Any>, outputs: Map<Int, Any>) {}
    override fun close() {}
}
"""}


def compiler(folder: Path) -> str:
    """A Kotlin compiler from npm. Skips the test if there is no npm or no Java."""
    for program in ("npm", "java"):
        if not shutil.which(program):
            pytest.skip("needs {}, for a Kotlin compiler".format(program))
    folder.mkdir()
    subprocess.run(["npm", "install", "--prefix", str(folder), "--ignore-scripts", "--no-audit", COMPILER],
                   timeout=280, check=True, stdout=subprocess.DEVNULL)
    return str(folder / "node_modules" / "kotlin-compiler" / "bin" / "kotlinc")


def complaints(kotlinc: str, fragments: Sequence[str], folder: Path) -> str:
    """The compiler's messages about the fragments, each in a package of its own; '' without messages."""
    folder.mkdir()
    texts = {"fragment{}".format(number): text.replace("package com.example.model", "package fragment{}".format(number))
             for number, text in enumerate(fragments)}
    for name, text in {**DECLARED, **texts}.items():
        (folder / (name + ".kt")).write_text(text)
    done = subprocess.run(["bash", kotlinc, "-Werror", "-d", str(folder / "classes"),
                           *map(str, sorted(folder.glob("*.kt")))], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=550)
    return "" if done.returncode == 0 else done.stdout.decode("utf-8", "replace")
