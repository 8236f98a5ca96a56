"""A running decode_speed that holds a checkpoint and answers requests, a line each."""
import json
import subprocess


class DecodeSpeed:
    def __init__(self, program, folder, dtype, threads, quantization):
        self.process = subprocess.Popen([program, folder, dtype, str(threads), quantization],
                                        text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.loaded = self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("decode_speed ended")
        return json.loads(line)

    def ask(self, request):
        self.process.stdin.write(request + "\n")
        self.process.stdin.flush()
        return self.answer()

    def prefill(self, tokens):
        return self.ask(f"prefill {tokens}")["seconds"]

    def decode(self, tokens):
        return self.ask(f"decode {tokens}")["seconds"]

    def bandwidth(self):
        return self.ask("bandwidth")["bytes_per_second"]

    def peak(self):
        return self.ask("peak")["peak_bytes"]
