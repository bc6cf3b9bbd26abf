// Loads the page's program. A browser that cannot run it keeps the page as the server wrote it.
import(SCRIPT).then((page) => page.default({ module_or_path: MODULE }).then(() => page.hydrate()));
