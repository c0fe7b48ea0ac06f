// A component of Streamlit, which would send its script with each refresh, so the parts have an address of the server
export default async (component) => {
  const parts = await import(new URL(`${component.data.folder}/screen.js`, location.href));
  parts[component.data.part](component);
};
