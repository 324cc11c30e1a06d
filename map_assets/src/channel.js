// The page's end of the door to the window. Counterpart: app/map/bridge.py.
// One rule: one JSON string a message, both ways; nothing else crosses.

/**
 * @param {(text: string) => void} take is handed each message of the window as it came
 * @returns {Promise<Send>} sends a message to the window
 */
export function openChannel(take) {
  return new Promise((resolve) => {
    new QWebChannel(qt.webChannelTransport, ({ objects: { door } }) => {
      door.to_page.connect((text) => take(text));
      resolve((message) => door.from_page(JSON.stringify(message)));
    });
  });
}
