// The page imports MapLibre by the address it is served at; its types are those of the package.
export * from "maplibre-gl";
