// The double as a process of its own: node test/eventstoredb/double/main.ts [port]. Prints its connection string.
import { Double } from './server.ts';

const double = await new Double({ port: Number(process.argv[2] ?? 0) }).start();
console.log(double.url);
