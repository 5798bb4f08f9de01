// Prints the interpreter that has moto, which answers as S3 does.
import { ensureMotoEnvironment } from "../../scripts/bootstrap/pythonEnvironment.mjs";

process.stdout.write(await ensureMotoEnvironment());
