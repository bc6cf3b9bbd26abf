// Says what each test found, and closes with the counts alone on a line.

const seconds = (event) => `${(event.data.details.duration_ms / 1000).toFixed(1)} s`;

function causes(error) {
  const cause = error?.cause ?? error;
  return String(cause?.stack ?? cause).replace(/^/gm, "    ");
}

export default async function* report(source) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for await (const event of source) {
    const { data } = event;
    if (event.type === "test:stdout" || event.type === "test:stderr") yield data.message;
    if (event.type !== "test:pass" && event.type !== "test:fail") continue;
    // A suite or a file fails with its tests, which have been counted; by itself only if it cannot run at all.
    const own = data.details.type !== "suite" && data.details.error?.failureType !== "subtestsFailed";
    if (!own) continue;
    if (event.type === "test:fail") {
      counts.failed += 1;
      yield `FAILED   ${data.name} (${seconds(event)})\n${causes(data.details.error)}\n`;
    } else if (data.skip !== undefined) {
      counts.skipped += 1;
      yield `SKIPPED  ${data.name}: ${data.skip}\n`;
    } else {
      counts.passed += 1;
      yield `passed   ${data.name} (${seconds(event)})\n`;
    }
  }
  yield `\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`;
}
