export default function ({ data, setTriggerValue }) {
  const before = sessionStorage.emomusicPhotos;
  if (data.token) sessionStorage.emomusicPhotos = data.token;
  else delete sessionStorage.emomusicPhotos;
  if (data.asks && before) setTriggerValue("token", before);
}
