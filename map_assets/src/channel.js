// The page's end of the door to whoever shows it: the window, or an admin page of the server in a browser, whose frame it stands in.
// Counterparts: app/map/bridge.py; sync_server/admin/static/live_map.js.
// One rule: one JSON string a message, both ways; nothing else crosses.

/**
 * @param {(text: string) => void} take is handed each message as it came
 * @returns {Promise<Send>} sends a message
 */
export async function openChannel(take) {
  if (!("qt" in globalThis)) return openPort(take);
  await loadScript("../vendor/qwebchannel.js");
  return new Promise((resolve) => {
    new QWebChannel(qt.webChannelTransport, ({ objects: { door } }) => {
      door.to_page.connect((text) => take(text));
      resolve((message) => door.from_page(JSON.stringify(message)));
    });
  });
}

/** @param {(text: string) => void} take @returns {Promise<Send>} */
function openPort(take) {
  return new Promise((resolve) => {
    addEventListener("message", ({ origin, source, ports: [port] }) => {
      if (origin !== location.origin || source !== parent || !port) return;
      port.onmessage = ({ data }) => take(data);
      resolve((message) => port.postMessage(JSON.stringify(message)));
    });
    parent.postMessage("heliograph-map", location.origin);
  });
}

/** @param {string} path beside this file @returns {Promise<unknown>} */
function loadScript(path) {
  const script = document.createElement("script");
  script.src = new URL(path, import.meta.url).href;
  document.head.append(script);
  return new Promise((resolve) => script.addEventListener("load", resolve));
}
