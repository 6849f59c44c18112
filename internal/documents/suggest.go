package documents

// Suggest is the hint for a word that should have been one of some: "did you
// mean x?", or the whole list where nothing is near.
func Suggest(word string, candidates []string) string {
	if len(candidates) == 0 {
		return ""
	}
	return didYouMean(word, candidates)
}
